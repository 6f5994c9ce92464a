"""What Istio's admission refuses: objects that stand in a file, but can stand in no cluster that validates."""
