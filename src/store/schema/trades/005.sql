-- Of each whole 1,024 events (block 0 are events 1 to 1,024) the first and last market time of each name that wrote them
-- down, so that a past moment is found without a walk through the journal, whose market times are in no order.
CREATE TABLE journal_spans (
  block INTEGER NOT NULL,
  by    TEXT    NOT NULL,
  least INTEGER NOT NULL,
  most  INTEGER NOT NULL,
  PRIMARY KEY (block, by)
) STRICT, WITHOUT ROWID;
INSERT INTO journal_spans
SELECT (seq - 1) / 1024, by, min(t), max(t) FROM journal
WHERE seq <= (SELECT ifnull(max(seq), 0) FROM journal) / 1024 * 1024
GROUP BY 1, 2;
