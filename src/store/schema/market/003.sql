-- What a source says its adjusted prices are the raw ones multiplied by: the first session of each new factor.
CREATE TABLE price_factors (
  source_id INTEGER NOT NULL REFERENCES sources (id),
  session   INTEGER NOT NULL,
  factor    REAL    NOT NULL,
  PRIMARY KEY (source_id, session)
) STRICT, WITHOUT ROWID;
