"""A tracking store for MLflow: code that calls MLflow logs into a workspace, unchanged.

``MLFLOW_TRACKING_URI=modeldeck:///path/of/workspace`` chooses it; MLflow finds it by the entry
point ``mlflow.tracking_store``. This is the only package that imports MLflow, and only MLflow
imports it.
"""
