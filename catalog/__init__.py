"""What is offered, in whatever vocabulary: one model, rendered as STAC and as DCAT. Pure: no I/O, no clock."""
