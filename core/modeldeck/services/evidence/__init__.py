"""Evidence of a release that anybody can check without ModelDeck."""
