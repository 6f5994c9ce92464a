"""A proof in every format: verdict, counterexamples, what was accepted, and what could not be decided."""
