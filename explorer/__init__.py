"""An interactive explorer for training deep fully connected networks."""
