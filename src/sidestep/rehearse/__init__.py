"""A plan is carried out in the lab, under load, and taken back; every lost and every wrong request is told."""
