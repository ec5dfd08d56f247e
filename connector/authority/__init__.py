"""The governance authority: admits participants, removes them, and says so in a signed list."""
