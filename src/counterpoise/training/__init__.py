"""The one training loop: any backbone, any method's hooks, any device and precision; resumable."""
