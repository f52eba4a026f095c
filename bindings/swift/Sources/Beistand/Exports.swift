// The protocols and models are part of this module as far as an app can see; the generated code is not.
@_exported import BeistandAPI
