"""What this participant offers, what peers offer, and the catalogue protocol between them.

model   the registry's nouns                    store    its SQL
service publish, withdraw, list, judge a request        routes   the catalogue protocol (DSP 2025-1, Catalog Protocol)
remote  the catalogue of a peer, and where its protocol endpoint is
"""
