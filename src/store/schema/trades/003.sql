-- Whether the only person of a home agreed to a limit version, and who turned one down: {actor, at, reason}.
ALTER TABLE limit_versions ADD COLUMN alone INTEGER NOT NULL DEFAULT 0;
ALTER TABLE limit_versions ADD COLUMN closed TEXT CHECK (closed IS NULL OR json_valid(closed));
UPDATE limit_versions SET alone = 1 WHERE approver = maker;
-- Who asked for a limit is not who agrees to it: a second line behind the engine, which refuses it first.
CREATE TRIGGER limit_versions_two_people BEFORE INSERT ON limit_versions
WHEN NEW.approver = NEW.maker AND NEW.alone = 0
BEGIN SELECT RAISE(ABORT, 'a limit is approved by somebody else than its maker'); END;
CREATE TRIGGER limit_versions_no_update BEFORE UPDATE ON limit_versions
BEGIN SELECT RAISE(ABORT, 'limit versions are written whole'); END;

-- Events that carry what a risk decision saw, by market time: what a drafted limit is held against.
CREATE INDEX journal_decisions ON journal (t) WHERE kind IN ('order_accepted', 'order_held', 'order_released',
  'order_submitted', 'order_denied', 'order_updated', 'update_requested', 'amend_rejected');
