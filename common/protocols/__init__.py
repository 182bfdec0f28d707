"""What the documents' own code does: their starting weights, optimizers, losses and logs."""
