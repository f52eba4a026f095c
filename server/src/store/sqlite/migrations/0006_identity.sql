-- Who a person is to the app. A person that a login has merged into another one stays as an alias, so that whatever
-- still names it lands at the user.
ALTER TABLE persons ADD COLUMN subject TEXT;
ALTER TABLE persons ADD COLUMN alias_of BLOB;
CREATE UNIQUE INDEX persons_by_subject ON persons (app_id, subject) WHERE subject IS NOT NULL;

-- An installation that has left: its row stays, so that its secret is known and refused, and its operations are known.
ALTER TABLE devices ADD COLUMN signed_off_at INTEGER;

-- What a merge looks for by person.
CREATE INDEX withdrawn_unseen_by_person ON withdrawn_unseen (app_id, person_id);
CREATE INDEX retracted_unseen_by_person ON retracted_unseen (app_id, person_id);
CREATE INDEX faq_feedback_by_person ON faq_feedback (app_id, person_id);

-- What tokens are held against. A revoked key keeps its row without its material: its name is never given again.
CREATE TABLE identity_keys (
    app_id INTEGER NOT NULL REFERENCES apps (id),
    kid TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    material BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (app_id, kid)
) STRICT;
