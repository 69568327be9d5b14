-- What is to be taken up again: attempts on the newest token whose outcome nobody knows, oldest first.
CREATE INDEX threelo_grants_in_doubt ON threelo_grants (client_id, auth_host, ((intent::json ->> 'since')::bigint), id)
WHERE death IS NULL AND (intent::json ->> 'generation')::bigint = generation;
