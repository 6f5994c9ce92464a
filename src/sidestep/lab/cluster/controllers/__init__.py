"""What controllers want: each a function of its object and the pods that it has, to what should change."""
