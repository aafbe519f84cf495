"""What an eye on a training run sees: alarms in its metrics, and answers on the way."""
