"""What `benches/patch_ratios.py` is made of: scenes, servers, and the libraries that read the same files."""
