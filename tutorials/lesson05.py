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

from course import data, notebook
from course import lesson05 as lesson
from course.cli.report import precision

x, y = data.load_five_points()
X = x[:, None]  # shape (n, 1): one row per point, one column per feature
tried = np.array([*lesson.LEARNING_RATES, lesson.GOOD, lesson.TOO_LARGE])

notebook.numbers(x=x, y=y, tried=tried, steps=lesson.STEPS)

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
paths = np.array(
    [lesson.descend(X, y, eta, lesson.STEPS) for eta in lesson.LEARNING_RATES]
)
costs = lesson.cost(X, y, paths)

notebook.numbers(
    start=costs[0, 0],
    final_costs=costs[:, -1],
    smallest_rate=costs[0, -1],
    fourth_rate=costs[3, -1],
)

# %% [markdown]
# All four begin at the cost {number}`start:.0f`. After {number}`steps` steps
# the smallest rate has reached {number}`smallest_rate:.3f` and the fourth one,
# four times as large, {number}`fourth_rate:.1e`. A rate too small is not wrong,
# only slow.
#
# ### What a step keeps
#
# The cost is a bowl. Its curvature is the matrix $H$ of lesson 3. Call $e$ the
# part of the distance to the bottom that lies along an eigenvector of $H$, and
# $\lambda$ its eigenvalue: the curvature in that direction. Each step turns $e$
# into
#
# $$
# (1 - \eta\lambda)\, e .
# $$
#
# So a small $\eta$ keeps nearly all of $e$, and one with $\eta\lambda > 2$
# makes it larger and throws it to the other side. The best rate treats the
# flattest and the steepest direction, $\lambda_{\min}$ and $\lambda_{\max}$,
# alike: in the two, $1 - \eta\lambda$ has the same size and opposite signs:
#
# $$
# \eta_{\mathrm{best}} = \frac{2}{\lambda_{\min} + \lambda_{\max}}, \qquad
# \kappa = \frac{\lambda_{\max}}{\lambda_{\min}} .
# $$
#
# With it a step keeps the share $(\kappa - 1)/(\kappa + 1)$ of the distance in
# both. The number $\kappa$ is the **condition number**: it says how stretched
# the bowl is, and a round one has $\kappa = 1$. `search_best_rate` knows none
# of this. It only tries rates, and looks closer and closer around the best.

# %%
eigenvalues, V = np.linalg.eigh(lesson.hessian(X))
bottom = lesson.least_squares(X, y)
others = [lesson.descend(X, y, eta, 150) for eta in tried[4:]]
kept = [lesson.kept_per_step((p - bottom) @ V)[0] for p in (*paths, *others)]
found, kept_by_found = lesson.search_best_rate(X, y, bottom, V)

notebook.numbers(
    limit=2 / eigenvalues[-1],
    best_by_formula=lesson.best_rate(eigenvalues),
    best_by_trying=found,
    kept_by_formula=lesson.contraction(eigenvalues),
    kept_by_trying=kept_by_found,
    too_large_keeps=kept[-1][1],
)

# %% [markdown]
# Trying found {number}`best_by_trying:.6f`; the formula says
# {number}`best_by_formula:.6f`. A step then keeps {number}`kept_by_trying:.4f`
# of the distance; the formula says {number}`kept_by_formula:.4f`. The limit is
# {number}`limit:.4f`, only a little above the best rate. The last rate of the
# six is beyond it: a step multiplies the steep part by
# {number}`too_large_keeps:.3f`, so that it swings from side to side and grows.

# %% tags=["hide-input"]
notebook.figure(
    lambda: lesson.drawings.rates(
        lesson.LEARNING_RATES,
        costs,
        tried[4:],
        [lesson.cost(X, y, path) for path in others],
        tried,
        np.array(kept),
        eigenvalues,
    ),
    alt="Left: four falling cost curves, the larger the rate the faster."
    " Middle, on a logarithmic axis: the same four as straight lines, one much"
    " steeper for a good rate and one that rises. Right: the share kept in the"
    " flattest and in the steepest direction against the learning rate; the"
    " measured dots lie on both lines.",
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
# ### A stretched valley
#
# Now two features, the second spread about ten times as widely as the first,
# and the best rate for each problem. `scaling` descends twice: on the features
# as they are, and on the same features scaled to mean 0 and standard
# deviation 1. It counts the steps until a millionth of the distance is left.

# %%
X_valley, y_valley = lesson.load_valley(seed=0)
Z = (X_valley - X_valley.mean(axis=0)) / X_valley.std(axis=0)
plain, scaled, _ = lesson.scaling(X_valley, Z, y_valley)
curvatures = np.linalg.eigvalsh(lesson.hessian(X_valley))
kappa = curvatures[-1] / curvatures[0]

notebook.numbers(
    kappa=kappa,
    kappa_scaled=np.linalg.cond(lesson.hessian(Z)),
    steps_plain=lesson.steps_needed(plain.parts),
    steps_scaled=lesson.steps_needed(scaled.parts),
    rule=kappa / 2 * np.log(1 / lesson.REACHED),
    ratio=lesson.steps_needed(plain.parts) / lesson.steps_needed(scaled.parts),
)

# %% [markdown]
# The stretched valley has $\kappa$ = {number}`kappa:.0f` and takes
# {number}`steps_plain:,d` steps, the scaled one $\kappa$ =
# {number}`kappa_scaled:.1f` and {number}`steps_scaled` steps: a
# {number}`ratio:.0f`-fold difference from one line of code. A width enters the
# curvature squared, so ten times the width costs far more than ten times the
# steps. Where $\kappa$ is large, a step keeps about $1 - 2/\kappa$ of the
# distance, so that a millionth is left after about $\tfrac{\kappa}{2} \ln 10^6$
# steps: {number}`rule:,.0f` for the stretched valley.
#
# ## In Keras
#
# Where scaling is not enough, **momentum** helps. The step remembers the steps
# before it in a velocity $v$, which starts at 0:
#
# $$
# v \leftarrow \mu v - \eta g, \qquad \theta \leftarrow \theta + v .
# $$
#
# This is the **heavy ball**; $\mu$, from 0 to 1, is the momentum. Steps across
# the valley cancel each other in $v$, steps along it add up. **Nesterov's**
# variant moves by $\mu v - \eta g$ instead of $v$, with the new $v$. In Keras
# both are arguments of the optimizer `SGD`. The rates and momenta below are the
# usual formulas in $\lambda_{\min}$ and $\lambda_{\max}$.

# %%
low, high = np.sqrt(curvatures[[0, -1]])
shrink = (high - low) / (high + low)
settings = {
    "heavy ball": ((2 / (high + low)) ** 2, shrink**2, False),
    "Nesterov": (1 / high**2, shrink, True),
}
descents, difference = {}, []
for name, setting in settings.items():
    way = lesson.foretell(X_valley, y_valley, lesson.MOMENTUM_STEPS, *setting)
    with precision("float64"):
        model = lesson.build_model(2, *setting)
        keras_path = lesson.train(
            model, X_valley, y_valley, lesson.MOMENTUM_STEPS
        )
    descents[name] = way
    difference.append(np.abs(keras_path - way.path).max())

notebook.numbers(
    heavy_momentum=settings["heavy ball"][1],
    nesterov_momentum=settings["Nesterov"][1],
    steps_heavy=lesson.steps_needed(descents["heavy ball"].parts),
    steps_nesterov=lesson.steps_needed(descents["Nesterov"].parts),
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
    lambda: lesson.drawings.valley(
        lambda theta: lesson.cost(X_valley, y_valley, theta),
        lesson.least_squares(X_valley, y_valley),
        {
            "plain": plain,
            "plain, scaled features": scaled,
            "Nesterov": descents["Nesterov"],
            "heavy ball": descents["heavy ball"],
        },
    ),
    alt="Left: in a narrow valley plain descent jumps from wall to wall while"
    " Nesterov runs along the floor. Middle: the heavy ball first swings far"
    " out. Right, on a logarithmic axis: the distance falls slowest for plain"
    " descent, then Nesterov, then the heavy ball, and fastest for plain"
    " descent on scaled features.",
)

# %% [markdown]
# The two maps show the cost over the two weights; the star is the bottom. Plain
# descent jumps from wall to wall, Nesterov hardly does. The heavy ball swings
# far out before it settles: note the wider axes. On the right is the share of
# the distance that is left, with the prediction dashed on top of each curve.
# Scaling beats both momenta here, so scale first.
#
# ## Checked
#
# The lesson predicts each curve from the eigenvalues alone and holds the
# descent, by hand and in Keras, against it. It also computes $\kappa$ a second
# way, from the singular values of the data, and compares the counted steps with
# the predicted ones.

# %%
report = lesson.run()
notebook.checks(report)
assert report.passed, "a check fails: see the table"

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
steady = lesson.descend(X, y, lesson.GOOD, lesson.SCHEDULE_STEPS)
parts = (falling - bottom) @ V

notebook.numbers(
    weak_decay_leaves=1 / (1 + lesson.DECAY * lesson.STEPS),
    start_rate=lesson.START_RATE,
    grows_until=np.argmax(np.abs(parts[:, -1])),
    schedule_steps=lesson.SCHEDULE_STEPS,
    left_by_falling=np.linalg.norm(falling[-1] - bottom),
    left_by_steady=np.linalg.norm(steady[-1] - bottom),
)

# %% tags=["hide-input"]
factors = np.cumprod(1 - rates[:, None] * eigenvalues, axis=0)
notebook.figure(
    lambda: lesson.drawings.schedule(
        rates,
        parts,
        np.vstack([np.ones(2), factors]) * (V.T @ -bottom),
        (lesson.descend(X, y, lesson.START_RATE, 20) - bottom) @ V,
        2 / eigenvalues[-1],
    ),
    alt="Left: the learning rate starts above the limit and falls below it"
    " after a few steps. Right, on a logarithmic axis: the steep part of the"
    " distance first grows, then shrinks; the flat part falls ever more slowly;"
    " at a constant rate the steep part would grow without end.",
)

# %% [markdown]
# After {number}`steps` steps the weak decay has left
# {number}`weak_decay_leaves:.4f` of the learning rate: it did next to nothing.
# The strong decay starts at {number}`start_rate`, above the limit, which is the
# dashed line on the left. On the right the steep part grows until step
# {number}`grows_until`; then the rate has fallen below the limit and the
# schedule saves the run. Without it, that part would grow for ever (dashed).
# The price is the blue curve: it bends, because the ever smaller rate hardly
# moves the flat direction. After {number}`schedule_steps` steps the distance is
# {number}`left_by_falling:.3f`; a constant rate just below the best leaves
# {number}`left_by_steady:.1e`. A schedule is no substitute for a good rate.
#
# ## What to try next
#
# - Set `TOO_LARGE` to the limit $2/\lambda_{\max}$ exactly. What does the steep
#   part do?
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
