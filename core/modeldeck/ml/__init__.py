"""Data, training, model files and checks: the home of scikit-learn."""
