# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lesson 5: Learning rate
#
# ## The question
#
# How long should a step of gradient descent be? Most people try a few learning
# rates and keep the one that worked. But the shape of the cost decides which
# rates are too small, which is best and which explode. Can we say so before the
# first step? And what if no single rate is good for every direction?
#
# This page calls the functions of `course/lesson05.py`; open that file beside
# it. The data are the five points of lesson 3. Every number in the text was
# computed by the cells on this page.

# %%
import numpy as np

from course import lesson05 as lesson, notebook
from course.figures import lesson05 as figures

X, y = lesson.load_data()  # X: one row per point, one column per feature
tried = [*lesson.LEARNING_RATES, lesson.NEAR_BEST, lesson.TOO_LARGE]

notebook.numbers(x=X[:, 0], y=y, tried=tried, steps=lesson.STEPS)

# %% [markdown]
# ## Predict before you run
#
# The model is again a line with $\theta = (w, b)$, its weight and its
# intercept, and the cost $J$ is the mean squared error. A step of descent is
#
# $$
# \theta \leftarrow \theta - \eta\, g ,
# $$
#
# where $g$ is the gradient of $J$ at $\theta$ and $\eta$ is the learning rate.
# Six rates will be tried; the table lists them from the smallest to the
# largest. Write down your answers first:
#
# 1. The first four rates are all small. Does it matter a little which of them
#    is used, or a lot?
# 2. The last two rates differ by about a tenth. How differently can they end?
# 3. Give the model two features, one of them spread about ten times as widely
#    as the other. How many times as many steps will descent need?

# %% [markdown]
# ## By hand
#
# The function `descend` is the formula above, repeated. Start with the four
# smallest rates.

# %%
paths = {
    eta: lesson.descend(X, y, eta, lesson.STEPS)
    for eta in lesson.LEARNING_RATES
}
final_costs = [lesson.cost(X, y, path[-1]) for path in paths.values()]

notebook.numbers(
    start=lesson.cost(X, y, np.zeros(2)),
    final_costs=final_costs,
    smallest_rate=final_costs[0],
    fourth_rate=final_costs[3],
)

# %% [markdown]
# All four begin at the cost {number}`start:.0f`. After {number}`steps` steps
# the smallest rate has reached {number}`smallest_rate:.3f` and the fourth one,
# four times as large, {number}`fourth_rate:.1e`. A rate too small is not wrong,
# only slow.
#
# ### The contraction factor
#
# The cost is a bowl. Its curvature is the matrix $H$ of lesson 3. Call $e$ the
# component of the distance to the minimum along an eigenvector of $H$, and
# $\lambda$ its eigenvalue: the curvature in that direction. Each step turns $e$
# into
#
# $$
# (1 - \eta\lambda)\, e .
# $$
#
# The number $1 - \eta\lambda$ is the **contraction factor** of this direction.
# For a small $\eta$ it is nearly 1, and $e$ hardly changes. For $\eta\lambda >
# 2$ it is below $-1$: $e$ changes its sign at every step and grows. The best
# rate treats the flattest and the steepest direction, $\lambda_{\min}$ and
# $\lambda_{\max}$, alike: the two contraction factors have the same size and
# opposite signs:
#
# $$
# \eta_{\mathrm{best}} = \frac{2}{\lambda_{\min} + \lambda_{\max}}, \qquad
# \kappa = \frac{\lambda_{\max}}{\lambda_{\min}} .
# $$
#
# Then the contraction factors are $(\kappa - 1)/(\kappa + 1)$ and $-(\kappa -
# 1)/(\kappa + 1)$. The number $\kappa$ is the **condition number**: it says how
# stretched the bowl is, and a round one has $\kappa = 1$. A problem with a
# large $\kappa$ is called **ill-conditioned**. `search_best_rate` knows none of
# this. It only tries rates, and looks closer and closer around the best.

# %%
paths |= {eta: lesson.descend(X, y, eta, 150) for eta in tried[4:]}
start, first = lesson.components(X, y, paths[lesson.TOO_LARGE][:2])
flattest, steepest = lesson.flattest_and_steepest(X)
best, factor = lesson.search_best_rate(X, y)

notebook.numbers(
    limit=2 / steepest,
    best_by_formula=lesson.best_learning_rate(X),
    best_by_trying=best,
    factor_by_formula=(steepest - flattest) / (steepest + flattest),
    factor_by_trying=factor,
    too_large_factor=first[1] / start[1],
)

# %% [markdown]
# Trying found {number}`best_by_trying:.6f`; the formula says
# {number}`best_by_formula:.6f`. Its contraction factor is
# {number}`factor_by_trying:.4f`; the formula says
# {number}`factor_by_formula:.4f`. The limit is {number}`limit:.4f`, only a
# little above the best rate. The last rate of the six is beyond it: in the
# steepest direction its contraction factor is {number}`too_large_factor:.3f`,
# so that the distance swings from side to side and grows.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.rates(X, y, paths),
    alt="Left: four falling cost curves, the larger the rate the faster."
    " Middle, on a logarithmic axis: the same four as straight lines, one much"
    " steeper for a good rate and one that rises. Right: the contraction factor"
    " in the flattest and in the steepest direction against the learning rate;"
    " the measured dots lie on both lines.",
)

# %% [markdown]
# On the left are the first steps of the four small rates, in the middle all the
# steps on a logarithmic axis. The dashed black curve is a rate just below the
# best, the dotted one a rate just above the limit. On the right, the lines are
# the formula $|1 - \eta\lambda|$ and the dots are measured. The blue line, the
# flattest direction, falls slowly; the orange line, the steepest one, falls to
# zero and rises again. The best rate, dashed green, is where the two meet. A
# little to its right the orange line crosses 1: the limit.
#
# ### An ill-conditioned problem
#
# Now two features, the second spread about ten times as widely as the first,
# and the best rate for each problem. `standardise_features` descends twice: on
# the features as they are, and on the same features **standardised** to mean 0
# and standard deviation 1. It counts the steps until a millionth of the
# distance remains.

# %%
X_ill, y_ill = lesson.make_ill_conditioned(seed=0)
scaling = lesson.standardise_features(seed=0)
plain, standardised = scaling["plain"], scaling["standardised"]

notebook.numbers(
    kappa=plain["kappa"],
    kappa_standardised=standardised["kappa"],
    steps_plain=plain["steps"],
    steps_standardised=standardised["steps"],
    rule=plain["kappa"] / 2 * np.log(1 / lesson.REACHED),
    ratio=plain["steps"] / standardised["steps"],
)

# %% [markdown]
# The ill-conditioned problem has $\kappa$ = {number}`kappa:.0f` and takes
# {number}`steps_plain:,d` steps, the standardised one $\kappa$ =
# {number}`kappa_standardised:.1f` and {number}`steps_standardised` steps: a
# {number}`ratio:.0f`-fold difference from one line of code. A width enters the
# curvature squared, so ten times the width costs far more than ten times the
# steps. Where $\kappa$ is large, the contraction factor is about $1 -
# 2/\kappa$, so that a millionth of the distance remains after about
# $\tfrac{\kappa}{2} \ln 10^6$ steps: {number}`rule:,.0f` for the
# ill-conditioned problem.
#
# ## In Keras
#
# Where standardising is not enough, **momentum** helps. The step remembers the
# steps before it in a velocity $v$, which starts at 0:
#
# $$
# v \leftarrow \mu v - \eta g, \qquad \theta \leftarrow \theta + v .
# $$
#
# This is the **heavy ball**; $\mu$, from 0 to 1, is the momentum. Steps in the
# steep direction change their sign and cancel each other in $v$; steps in the
# flat direction add up. **Nesterov's** variant moves by $\mu v - \eta g$
# instead of $v$, with the new $v$. In Keras both are arguments of the optimizer
# `SGD`. The rates and momenta below are the usual formulas in $\lambda_{\min}$
# and $\lambda_{\max}$.

# %%
low, high = np.sqrt(lesson.flattest_and_steepest(X_ill))
ratio = (high - low) / (high + low)
settings = {  # learning rate, momentum, and whether it is Nesterov's
    "heavy ball": ((2 / (high + low)) ** 2, ratio**2, False),
    "Nesterov": (1 / high**2, ratio, True),
}
steps = lesson.MOMENTUM_STEPS
momentum_paths, difference = {}, []
for name, (eta, *momentum) in settings.items():
    path = lesson.descend(X_ill, y_ill, eta, steps, *momentum)
    with notebook.precision("float64"):
        model = lesson.build_model(2, eta, *momentum)
        keras_path = lesson.train(model, X_ill, y_ill, steps)
    momentum_paths[name] = path
    difference.append(np.abs(keras_path - path).max())
heavy_ball, nesterov = momentum_paths.values()

notebook.numbers(
    heavy_momentum=settings["heavy ball"][1],
    nesterov_momentum=settings["Nesterov"][1],
    steps_heavy=lesson.steps_needed(X_ill, y_ill, heavy_ball),
    steps_nesterov=lesson.steps_needed(X_ill, y_ill, nesterov),
    largest_difference=max(difference),
)

# %% [markdown]
# On the features as they are, the heavy ball needs {number}`steps_heavy` steps
# and Nesterov {number}`steps_nesterov`, where plain descent needed
# {number}`steps_plain:,d`. With momentum the count grows like $\sqrt\kappa$,
# not like $\kappa$. Over all the steps Keras and the formulas by hand differ by
# at most {number}`largest_difference:.0e`.

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.ill_conditioned(**scaling, momentum=momentum_paths),
    alt="Left: where the contour lines are long and narrow, plain descent jumps"
    " across them at every step while Nesterov runs along them. Middle: the"
    " heavy ball first swings far out. Right, on a logarithmic axis: the"
    " distance falls slowest for plain descent, then Nesterov, then the heavy"
    " ball, and fastest for plain descent on standardised features.",
)

# %% [markdown]
# The two maps show the cost over the two weights; the star is the minimum.
# Plain descent jumps from side to side, Nesterov hardly does. The heavy ball
# swings far out before it settles: note the wider axes. On the right is the
# fraction of the distance that remains; for plain descent the prediction is
# dashed on top. Standardising beats both momenta here, so standardise first.
#
# ## Checked
#
# The lesson predicts each curve from the eigenvalues alone and holds the
# descent, by hand and in Keras, against it. It also computes $\kappa$ a second
# way, from the singular values of the data, and compares the counted steps with
# the predicted ones.

# %%
outcome = notebook.run(5)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# Old code often says `SGD(0.01, decay=1e-6)`, and it looks as if somebody had
# taken care of the learning rate. The rate of step $t$ is then
#
# $$
# \eta_t = \frac{\eta_0}{1 + \text{decay} \cdot t} ,
# $$
#
# with the first rate $\eta_0$. Keras 3 writes it as the schedule
# `InverseTimeDecay`. What does this decay do in {number}`steps` steps? And what
# would one do that is strong enough to see?

# %%
rates = lesson.START_RATE / (
    1 + lesson.STRONG_DECAY * np.arange(lesson.SCHEDULE_STEPS)
)
falling = lesson.descend(X, y, rates, lesson.SCHEDULE_STEPS)
steady = lesson.descend(X, y, lesson.NEAR_BEST, lesson.SCHEDULE_STEPS)
minimum = lesson.least_squares(X, y)
steep = lesson.components(X, y, falling)[:, -1]

notebook.numbers(
    weak_decay=1 / (1 + lesson.DECAY * lesson.STEPS),
    start_rate=lesson.START_RATE,
    grows_until=np.argmax(np.abs(steep)),
    schedule_steps=lesson.SCHEDULE_STEPS,
    distance_falling=np.linalg.norm(falling[-1] - minimum),
    distance_steady=np.linalg.norm(steady[-1] - minimum),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.schedule(X, y, rates, falling),
    alt="Left: the learning rate starts above the limit and falls below it"
    " after a few steps. Right, on a logarithmic axis: the distance in the"
    " steepest direction first grows, then shrinks; in the flattest direction"
    " it falls ever more slowly; at a constant rate the distance in the"
    " steepest direction would grow without end.",
)

# %% [markdown]
# After {number}`steps` steps the weak decay has multiplied the learning rate by
# {number}`weak_decay:.4f`: it did next to nothing. The strong decay starts at
# {number}`start_rate`, above the limit, which is the dashed line on the left.
# On the right the distance in the steepest direction grows until step
# {number}`grows_until`; then the rate has fallen below the limit and the
# schedule saves the run. Without it, this distance would grow for ever
# (dashed). The price is the blue curve: it bends, because the ever smaller rate
# hardly moves the flat direction. After {number}`schedule_steps` steps the
# distance is {number}`distance_falling:.3f`; with a constant rate just below
# the best it is {number}`distance_steady:.1e`. A schedule is no substitute for
# a good rate.
#
# ## What to try next
#
# - Set `TOO_LARGE` to the limit $2/\lambda_{\max}$ exactly. What does the
#   distance in the steepest direction do?
# - Predict $\kappa$ for a second feature spread a hundred times as widely, then
#   set `STRETCH` and measure.
# - Use the heavy ball's rate without its momentum. Which direction explodes?
# - Find the `decay` with which the distance after {number}`schedule_steps`
#   steps is smallest. Is any better than a constant rate?
#
# ## Sources
#
# - L. Lessard, B. Recht, A. Packard, "Analysis and Design of Optimization
#   Algorithms via Integral Quadratic Constraints", *SIAM Journal on
#   Optimization* 26, 2016, doi:10.1137/15M1009597.
# - B. T. Polyak, "Some Methods of Speeding up the Convergence of Iteration
#   Methods", *USSR Computational Mathematics and Mathematical Physics* 4, 1964,
#   pages 1–17.
