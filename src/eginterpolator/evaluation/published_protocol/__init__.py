"""Protocol A of SPEC section 5: trajectories judged as the published evaluation judges them, and by nothing else.

    from eginterpolator.evaluation.published_protocol.folders import evaluate_as_published
    evaluate_as_published("generated", "reference", "qm9").to_dict()

It stands apart from `evaluation.comparison`, whose figures are of another protocol and never share a column with these.
"""
