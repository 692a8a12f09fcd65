"""SMOGN: resampling a regression table by the relevance of its target."""
