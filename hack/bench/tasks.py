"""Three real tasks: scikit-learn models on the data that it brings along, judged by cross-validation.

digits: a support vector classifier of 300 pictures, its error. wine: a linear classifier by stochastic gradient descent, its
log loss. diabetes: kernel ridge regression, its mean squared error as a part of the variance. A regret is the loss itself:
nobody knows the best one, and no test here looks at more than the order.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from problems import Problem, Values, choice, double, whole

FOLDS = 3


@cache
def table(name: str, rows: int) -> tuple[Any, Any]:
    """Shuffled, scaled rows of a packaged data set, and their answers."""
    import numpy as np
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler

    found = getattr(datasets, f"load_{name}")()
    order = np.random.default_rng(0).permutation(len(found.data))[:rows]
    return StandardScaler().fit_transform(found.data[order]), found.target[order]


def judged(model: Any, name: str, rows: int, scoring: str) -> float:
    """The mean score over the folds; minus infinity for a model that cannot be fitted."""
    from sklearn.model_selection import cross_val_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of training that does not converge
        scores = cross_val_score(model, *table(name, rows), cv=FOLDS, scoring=scoring, error_score=-math.inf)
    return float(scores.mean())


def digits(values: Values) -> float:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    machine = SVC(C=float(values["C"]), gamma=float(values["gamma"]), kernel=str(values["kernel"]), random_state=0)
    return 1 - judged(make_pipeline(PCA(int(values["parts"]), random_state=0), machine), "digits", 300, "accuracy")


def wine(values: Values) -> float:
    from sklearn.linear_model import SGDClassifier

    numbers = {name: float(values[name]) for name in ("alpha", "eta0", "l1_ratio", "power_t")}
    model = SGDClassifier(
        loss="log_loss",
        penalty="elasticnet",
        learning_rate=str(values["schedule"]),
        max_iter=int(values["epochs"]),
        random_state=0,
        tol=None,
        **numbers,
    )
    return min(10.0, -judged(model, "wine", 178, "neg_log_loss"))


def diabetes(values: Values) -> float:
    from sklearn.kernel_ridge import KernelRidge

    model = KernelRidge(
        alpha=float(values["alpha"]),
        gamma=float(values["gamma"]),
        kernel=str(values["kernel"]),
        degree=int(values["degree"]),
        coef0=float(values["coef0"]),
    )
    return min(10.0, 1 - judged(model, "diabetes", 442, "r2"))


class Task(Problem):
    """A problem whose optimum nobody knows: a regret is the loss itself."""

    reference = 1.0  # type: ignore[assignment]


def a_task(loss: Callable[[Values], float], *parameters: Any) -> Task:
    return Task(parameters, loss)


TASKS: Mapping[str, Problem] = {
    "digits": a_task(
        digits,
        double("C", 1e-3, 1e3, log=True),
        double("gamma", 1e-5, 1.0, log=True),
        choice("kernel", "rbf poly sigmoid"),
        whole("parts", 4, 48),
    ),
    "wine": a_task(
        wine,
        double("alpha", 1e-6, 1.0, log=True),
        double("eta0", 1e-4, 1.0, log=True),
        double("l1_ratio", 0.0, 1.0),
        double("power_t", 0.1, 0.9),
        whole("epochs", 2, 40),
        choice("schedule", "constant invscaling optimal"),
    ),
    "diabetes": a_task(
        diabetes,
        double("alpha", 1e-4, 1e2, log=True),
        double("gamma", 1e-5, 1.0, log=True),
        double("coef0", 0.0, 3.0),
        whole("degree", 1, 5),
        choice("kernel", "rbf laplacian polynomial sigmoid"),
    ),
}
