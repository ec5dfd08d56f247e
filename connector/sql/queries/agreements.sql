-- name: insert_agreement
-- An agreement, once: a second insert of the same one changes nothing.
INSERT INTO agreement (id, role, peer, negotiation, offering, offering_version, document, declared_purpose)
VALUES (%(id)s, %(role)s, %(peer)s, %(negotiation)s, %(offering)s, %(offering_version)s, %(document)s::jsonb, %(declared_purpose)s)
ON CONFLICT DO NOTHING

-- name: find_agreement
-- An agreement in one of our two roles, with that peer or with anybody (the newest).
SELECT id, role, peer, negotiation, offering, offering_version, document, declared_purpose, agreed_at
  FROM agreement WHERE id = %(id)s AND role = %(role)s AND (%(peer)s::text IS NULL OR peer = %(peer)s)
 ORDER BY agreed_at DESC LIMIT 1

-- name: list_agreements
-- The newest agreements.
SELECT id, role, peer, negotiation, offering, offering_version, document, declared_purpose, agreed_at
  FROM agreement ORDER BY agreed_at DESC, id DESC LIMIT %(limit)s
