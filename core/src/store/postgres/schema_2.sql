-- The spares of a grant beyond the first, as JSON.
ALTER TABLE threelo_grants ADD COLUMN more_spares TEXT;
