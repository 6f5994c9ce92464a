"""What is there and what it costs: from a mesh to rows, money and findings. Pure: no IO, no clock."""
