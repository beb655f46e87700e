-- On which day a sector and its scheme were told, last; null when that was not noted.
ALTER TABLE group_history ADD COLUMN told_on INTEGER;
