"""Who we are and who the others are: keys, DID documents, tokens, members.

Other parts need `verify.Verifier.verify_peer` (incoming), `tokens.issue_token` (outgoing), `keys.load_or_create_key`
and `did.DidResolver`; everything else here serves these.
"""
