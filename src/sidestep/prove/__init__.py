"""Whether two meshes mean the same: equal for every request there can be, or a request that shows the difference."""
