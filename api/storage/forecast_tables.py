"""The tables of forecasts. Knows no connection and no statement."""
