"""Money, computed and never quoted: every figure carries its formula and inputs."""
