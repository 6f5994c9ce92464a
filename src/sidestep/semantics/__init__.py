"""What a mesh means. Pure, and the only place where meaning is defined; each rule names its source."""
