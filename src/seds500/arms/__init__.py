"""Methods that only the report runs: ablations, packages of others, an audit."""
