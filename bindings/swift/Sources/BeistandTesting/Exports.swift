// Whoever tests with the fake sees the protocols and models without another import.
@_exported import BeistandAPI
