"""The adversarial core: knows nothing of pixels, sounds or words."""
