-- The spares of a grant beyond the first, as JSON.
ALTER TABLE grants ADD COLUMN more_spares TEXT;
