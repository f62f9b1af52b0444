"""scikit-learn's classifiers on a network's own images: what the network is held against."""

import time

MAX_ROWS = 5_000  # with more images they take minutes


def fit(digits):
    """Train four classifiers on the pixels, each a number without neighbours.

    Args:
        digits: `course.data.Digits`; of its training images `MAX_ROWS` at most are used.

    Returns:
        {name: (accuracy on the test images, seconds)}.
    """
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    X, y = digits.X_train[:MAX_ROWS], digits.y_train[:MAX_ROWS]
    X, X_test = (images.reshape(len(images), -1) for images in (X, digits.X_test))
    classifiers = {
        "logistic regression": LogisticRegression(max_iter=1000),
        "ridge classifier": RidgeClassifier(),
        "nearest neighbours, 5": KNeighborsClassifier(min(5, len(X))),
        "support vectors, RBF": SVC(),
    }
    found = {}
    for name, classifier in classifiers.items():
        start = time.perf_counter()
        accuracy = classifier.fit(X, y).score(X_test, digits.y_test)
        found[name] = accuracy, time.perf_counter() - start
    return found


def nearest(digits, X):
    """The class of the training image that is most like each of some images.

    Args:
        digits: `course.data.Digits`; of its training images `MAX_ROWS` at most are used.
        X: shape (n, 28, 28, 1).

    Returns:
        Shape (n,).
    """
    from sklearn.neighbors import KNeighborsClassifier

    known, y = digits.X_train[:MAX_ROWS], digits.y_train[:MAX_ROWS]
    neighbour = KNeighborsClassifier(1).fit(known.reshape(len(known), -1), y)
    return neighbour.predict(X.reshape(len(X), -1))
