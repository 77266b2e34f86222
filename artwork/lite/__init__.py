"""The room of keyart-lite: the embedded default model, and the drawings it is trained and honest on."""
