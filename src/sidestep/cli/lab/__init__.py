"""`sidestep lab`: verbs that bring a cluster up on this machine, look and poke."""
