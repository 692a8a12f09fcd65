"""The claims of the original study, each with its tests and the verdict that follows."""
