//! What an operator and the retention do: look, try again, remove.
