"""Reading what others wrote: folders that may be hostile, MLflow's file store and database."""
