-- What is to be taken up again: attempts on the newest token whose outcome nobody knows, oldest first.
CREATE INDEX grants_in_doubt ON grants (client_id, auth_host, json_extract(intent, '$.since'), id)
WHERE death IS NULL AND json_extract(intent, '$.generation') = generation;
