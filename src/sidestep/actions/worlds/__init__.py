"""Where a plan is carried out: in memory, in the lab, in a cluster; one small interface, one contract."""
