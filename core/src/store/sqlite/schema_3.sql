-- What is to be taken up again: attempts on the newest token whose outcome nobody knows, oldest first. Attempts on older
-- ones have no moment here, and are thus never looked at: an equation in the index's own condition would not be proved.
CREATE INDEX grants_in_doubt ON grants (
    client_id,
    auth_host,
    CASE WHEN json_extract(intent, '$.generation') = generation THEN json_extract(intent, '$.since') END,
    id
) WHERE death IS NULL AND intent IS NOT NULL;
