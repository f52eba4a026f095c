-- Signing in and out. An identity that is not current is leaving: what it has queued still goes with its credential, then
-- everything of it is wiped, the device is signed off, and the row goes.
ALTER TABLE identities ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;  -- the server has accepted `subject`
ALTER TABLE identities ADD COLUMN told INTEGER NOT NULL DEFAULT 0;       -- a proof of `subject` may have reached the server
ALTER TABLE identities ADD COLUMN login_at INTEGER;                      -- when `subject` was set, by this phone
ALTER TABLE identities ADD COLUMN written INTEGER NOT NULL DEFAULT 0;    -- how much this phone had written by then
ALTER TABLE identities ADD COLUMN owner_lost INTEGER NOT NULL DEFAULT 0; -- after a rescue: whose it was is not known
ALTER TABLE identities ADD COLUMN candidate INTEGER;                     -- since when a login tries whether it is accepted
ALTER TABLE identities ADD COLUMN push_ends INTEGER NOT NULL DEFAULT 0;  -- the server is still to stop waking it

-- Kept twice: if a damaged file loses the row of the current identity, what was shown is still known from what was leaving.
INSERT OR REPLACE INTO meta (key, value) SELECT 'current_identity', id FROM identities WHERE current = 1;
