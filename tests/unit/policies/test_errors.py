from policies import MalformedPolicy, PolicyError, UnknownTerm


def test_an_error_names_the_place_the_problem_and_what_to_do():
    error = UnknownTerm("policy.permission[0].action", "teleport", "the action is not known.", hint='Use "use".')
    assert str(error) == 'policy.permission[0].action: the action is not known. Use "use".'
    assert (error.path, error.term, error.hint) == ("policy.permission[0].action", "teleport", 'Use "use".')


def test_every_error_of_a_policy_is_a_value_error():
    assert issubclass(MalformedPolicy, PolicyError)
    assert issubclass(UnknownTerm, PolicyError)
    assert issubclass(PolicyError, ValueError)
