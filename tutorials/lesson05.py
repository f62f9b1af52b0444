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

# This is the source of a page of the course's site. To read it, type
# python -m course read 5, or open it in Jupyter or VS Code as a notebook.

# %% [markdown]
# # Lesson 5: Learning rate
#
# ## The question
#
# You walk down into a valley in fog. With steps of a centimetre you are still on
# the way at night. With steps of a kilometre you jump from one slope to the other
# and may end higher than you began. How long should a step be?
#
# We fit a line to the five points of lesson 3 once more, by gradient descent with
# four learning rates $\eta$. How does the cost $J$, the mean squared error, fall?

# %% tags=["hide-input"]
import numpy as np

from course import lesson05 as lesson, notebook
from course.figures import lesson05 as figures
from course.lesson03 import cost, gradient, least_squares, load_data
from course.lesson05 import NEAR_BEST, REACHED

import keras

X, y = load_data()
paths = {
    eta: lesson.descend(X, y, eta, 500) for eta in (0.01, 0.02, 0.03, 0.04)
}

notebook.figure(
    lambda: figures.curves(X, y, paths),
    alt="Four falling cost curves, the larger the learning rate the faster. On"
    " a logarithmic axis each ends as a straight line, at the largest rate the"
    " steepest one.",
)

# %% [markdown]
# The larger the rate, the faster the cost falls. On the logarithmic axis each curve
# ends as a straight line: every step divides the cost by the same number. So take
# a much larger rate? Where does that end, and which rate is best?
#
# ## The idea: one rate for two directions
#
# In lesson 2 there was one weight $w$, and so one direction. A step multiplied the
# distance to the minimum by the contraction factor $1 - \eta\lambda$, where
# $\lambda$ is the curvature. There $\eta = 1/\lambda$ is best, it makes the factor
# 0 and arrives in one step. Above $\eta = 2/\lambda$ the factor is below $-1$, and
# descent **diverges**: every step ends further away.
#
# Now there are two numbers to learn, $\theta = (w, b)$, and the cost is a bowl. From
# above, the lines of equal cost are ellipses. Across the ellipse the ground is
# steep, with the curvature $\lambda_{\max}$. Along it the ground is flat, with the
# curvature $\lambda_{\min}$. Each direction behaves as in lesson 2, with a
# factor of its own. But both have to share *one* learning rate.

# %% tags=["hide-input"]
notebook.figure(
    figures.ellipse,
    alt="Three times the same long ellipses from above. With a small rate"
    " descent falls to the long axis at once and creeps along it; with the best"
    " rate it jumps across the axis and comes near the minimum; with a rate too"
    " large the jumps grow.",
)

# %% [markdown]
# ### With numbers
#
# In this picture $\lambda_{\min} = 1$ and $\lambda_{\max} = 10$. The factors are
# $1 - \eta$ in the flat direction and $1 - 10\,\eta$ in the steep one:

# %% tags=["hide-input"]
notebook.table(
    [
        [f"η = {eta}", f"{1 - eta:.2f}", f"{1 - 10 * eta:.2f}", word]
        for eta, word in (
            (0.05, "slow in the flat direction"),
            (0.18, "about equally fast in both"),
            (0.21, "diverges in the steep direction"),
        )
    ],
    ["learning rate", "factor, flat", "factor, steep", "descent"],
    "Contraction factors",
)

# %% [markdown]
# The steep direction sets the **limit**, $2/\lambda_{\max} = 0.2$. The flat direction
# wants a rate as large as possible. The best rate is the compromise where both
# factors have the same size and opposite signs:
#
# $$
# 1 - \eta\lambda_{\min} = -(1 - \eta\lambda_{\max})
# \quad\Longrightarrow\quad
# \eta_{\mathrm{best}} = \frac{2}{\lambda_{\min} + \lambda_{\max}} .
# $$
#
# Here it is $2/11 \approx 0.18$, only a little below the limit. Put it into $1 - \eta
# \lambda_{\min}$: the best factor is
#
# $$
# \frac{\lambda_{\max} - \lambda_{\min}}{\lambda_{\max} + \lambda_{\min}}
# = \frac{\kappa - 1}{\kappa + 1}, \qquad
# \kappa = \frac{\lambda_{\max}}{\lambda_{\min}} .
# $$
#
# The number $\kappa$, read "kappa", is the **condition number**: how stretched the
# ellipses are. For a circle $\kappa = 1$, and the best factor is 0. Here it is
# $9/11$. After $t$ steps the fraction $\left(\frac{\kappa - 1}{\kappa + 1}\right)^t$
# of the distance remains. To come down to the fraction $q$, solve for $t$:
#
# $$
# t = \frac{\ln q}{\ln \frac{\kappa - 1}{\kappa + 1}}
# \approx \frac{\kappa}{2} \ln \frac1q .
# $$
#
# The number of steps grows in proportion to $\kappa$. With a large $\kappa$ the factor
# is nearly 1 and no rate is good; the problem is called **ill-conditioned**.
#
# ## Predict before you run
#
# For the five points $\lambda_{\min}$ = {number}`flattest:.3f` and $\lambda_{\max}$ =
# {number}`steepest:.3f`. Write down your answers. The right ones are at the end of
# the page.
#
# 1. What is the limit for the five points, and what is the best rate?
# 2. The rates $0.14$ and $0.155$ differ by about a tenth. How do they end?
# 3. Of two features one is spread ten times as widely as the other. How many
#    times as many steps does that cost?

# %% tags=["remove-cell"]
flattest, steepest = lesson.flattest_and_steepest(X)
final = [cost(X, y, path[-1]) for path in paths.values()]
notebook.numbers(
    flattest=flattest,
    steepest=steepest,
    limit=2 / steepest,
    best=lesson.best_learning_rate(X),
    kappa_points=steepest / flattest,
)

# %% [markdown]
# ## By hand
#
# Here is descent, with the `gradient` of lesson 3. Two more settings, `momentum` and
# `nesterov`, are explained below; they are off at first. `learning_rate` may be one
# number, or one for each step.

# %% tags=["source"]
from course.lesson05 import descend

# %%
for eta in (0.01, 0.02, 0.03, 0.04, 0.14, 0.155):
    J = cost(X, y, descend(X, y, eta, 150))
    print(f"η = {eta:5}  J: {J[0]:.0f}  {J[10]:9.3f}  {J[150]:.1e}")

# %% [markdown]
# The columns are the cost at the start, after 10 and after 150 steps. The four small
# rates are not wrong, only slow. $0.14$ is just below the best rate,
# $2/14 \approx 0.143$, and best by far. $0.155$ is just above the limit
# {number}`limit:.3f`, and diverges. The next picture shows why.

# %% tags=["hide-input"]
all_paths = {
    eta: descend(X, y, eta, 150)
    for eta in (0.01, 0.02, 0.03, 0.04, 0.14, 0.155)
}
notebook.figure(
    lambda: figures.factors(X, y, all_paths),
    alt="The size of the contraction factor against the learning rate. In the"
    " flat direction it falls slowly; in the steep direction it falls to zero"
    " and rises again. The lines meet at the best rate; soon after, the second"
    " one crosses 1.",
)

# %% [markdown]
# The slower of the two directions counts, so the higher line. It is lowest where the
# lines meet: the best rate. The limit lies where the orange line crosses 1. In
# practice nobody knows the curvatures of a large network. But the picture is the
# same: too small is slow, a bit larger is faster, and soon after the best comes
# the explosion. So try rates that grow by factors of 3 or 10, up to the one that
# diverges, and take one a few times smaller.
#
# ### The cure: standardise
#
# Now 100 points with two features, the second spread ten times as widely as the
# first. We count the steps of descent at the best rate, until a millionth of the
# distance to the minimum remains.

# %%
X2, y2 = lesson.make_ill_conditioned(seed=0)
print("standard deviations", X2.std(axis=0).round(1))
Z = (X2 - X2.mean(axis=0)) / X2.std(axis=0)  # standardised
print("of Z", Z.std(axis=0).round(1))

# %% tags=["source"]
from course.lesson05 import steps_needed

# %%
for name, A in (("as they are", X2), ("standardised", Z)):
    low, high = lesson.flattest_and_steepest(A)
    path = descend(A, y2, 2 / (low + high), 2000)
    count = steps_needed(A, y2, path)
    print(f"{name}: κ = {high / low:.1f}, {count} steps")

# %% tags=["remove-cell"]
scaling = lesson.standardise_features(seed=0)
plain, standardised = scaling["plain"], scaling["standardised"]
notebook.numbers(
    kappa=plain["kappa"],
    kappa_standardised=standardised["kappa"],
    steps_plain=plain["steps"],
    steps_standardised=standardised["steps"],
    ratio=plain["steps"] / standardised["steps"],
)
assert plain["steps"] < 2000

# %% [markdown]
# `flattest_and_steepest`, shown below, returns $\lambda_{\min}$ and
# $\lambda_{\max}$. Descent takes {number}`steps_plain:,d` steps on the features
# as they are and {number}`steps_standardised` on standardised
# ones: {number}`ratio:.0f` times fewer, for one line of code. Why? A feature enters
# the curvature squared (lesson 2: $\lambda = \frac2n \sum x_i^2$), so ten times the
# spread is a hundred times the curvature. Standardising makes $\kappa$ fall from
# {number}`kappa:.0f` to {number}`kappa_standardised:.1f`.
#
# ### Where that is not enough: momentum
#
# Some problems stay stretched, whatever you do with the features. There **momentum**
# helps. Think of a heavy ball: it keeps a part $\mu$ of its velocity $v$, and
# each gradient only pushes it a little:
#
# $$
# v \leftarrow \mu v - \eta g, \qquad \theta \leftarrow \theta + v .
# $$
#
# Here $g$ is the gradient, and $\mu$, read "mu", is often $0.9$. Across the valley the
# pushes change their sign and cancel each other. Along the valley they add up.
# **Nesterov's** variant moves by $\mu v - \eta g$ with the new $v$: it looks one step
# ahead. In `descend` these are the lines `v = momentum * v + step` and
# `momentum * v + step if nesterov else v`.

# %%
low, high = np.sqrt(lesson.flattest_and_steepest(X2))
ratio = (high - low) / (high + low)
ball = descend(X2, y2, (2 / (high + low)) ** 2, 300, ratio**2)
nesterov = descend(X2, y2, 1 / high**2, 300, ratio, nesterov=True)
print("heavy ball", steps_needed(X2, y2, ball), f"steps, μ = {ratio**2:.2f}")
print("Nesterov", steps_needed(X2, y2, nesterov), f"steps, μ = {ratio:.2f}")

# %% tags=["remove-cell"]
notebook.numbers(
    steps_heavy=steps_needed(X2, y2, ball),
    steps_nesterov=steps_needed(X2, y2, nesterov),
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.ill_conditioned(
        **scaling, momentum={"heavy ball": ball, "Nesterov": nesterov}
    ),
    alt="Left: where the contour lines are long and narrow, plain descent jumps"
    " across them at every step while Nesterov runs along them. Middle: the"
    " heavy ball first swings far out. Right, on a logarithmic axis: the"
    " distance falls slowest for plain descent, then Nesterov, then the heavy"
    " ball, and fastest for plain descent on standardised features.",
)

# %% [markdown]
# {number}`steps_heavy` and {number}`steps_nesterov` steps, in place of
# {number}`steps_plain:,d`. The rates and momenta in this code are the usual formulas
# for known curvatures; with them the number of steps grows like $\sqrt\kappa$ instead of
# $\kappa$. Standardised features still win here, so standardise first.
#
# ### Going deeper: the curvatures as eigenvalues
#
# You need: matrices and eigenvectors.
#
# All curvatures of the cost are in one matrix, the Hessian $H = \frac2n A^\top A$,
# where $A$ is $X$ with a column of ones for $b$.

# %% tags=["source"]
from course.lesson03 import hessian
from course.lesson05 import flattest_and_steepest

# %%
print(hessian(X))
print(flattest_and_steepest(X))

# %% [markdown]
# `np.linalg.eigvalsh` returns the eigenvalues of a symmetric matrix, the smallest
# first: $\lambda_{\min}$ and $\lambda_{\max}$. The axes of the ellipses are the
# eigenvectors. With $\theta^*$ the minimum, the gradient is $H (\theta - \theta^*)$,
# so that a step multiplies $\theta - \theta^*$ by the matrix $I - \eta H$, and each
# component along an eigenvector by $1 - \eta\lambda$. With $p$ features
# there are $p + 1$ directions, and the extreme two decide.
#
# ## In Keras
#
# One `Dense` unit is the line $\hat y = X w + b$. Learning rate, momentum and
# Nesterov are arguments of the optimizer `SGD`.

# %% tags=["source"]
from course.lesson05 import build_model

# %%
for eta in (0.01, 0.14):
    model = build_model(learning_rate=eta)
    model.fit(X, y, batch_size=len(X), epochs=150, verbose=0)
    w, b = (weight.item() for weight in model.get_weights())
    print(f"η = {eta}: w = {w:.4f}, b = {b:.4f}")

# %% tags=["remove-cell"]
assert abs(w - 2) + abs(b - 5) < 1e-3

# %% [markdown]
# With $0.14$ Keras has found $\hat y = 2x + 5$ after 150 epochs; with $0.01$ the
# intercept is still on its way. With momentum it would be
# `build_model(2, 0.01, momentum=0.9, nesterov=True)`.
#
# ## Checked
#
# The lesson predicts every curve from the curvatures alone, and compares descent by
# hand and in Keras with it. The best rate is found a second time by trying, and the
# counted steps are compared with the formula.

# %% tags=["hide-input"]
outcome = notebook.run(5)
notebook.checks(outcome)
assert outcome.passed, "a check fails: see the table"

# %% [markdown]
# ## The trap
#
# Old code often says `SGD(0.01, decay=1e-6)`. It looks as if somebody had taken care
# of the learning rate. **Decay** makes it smaller from step to step: in step $t$,
# counted from 0, it is
#
# $$
# \eta_t = \frac{\eta_0}{1 + \text{decay} \cdot t} .
# $$
#
# Keras 3 writes this as a schedule,
# `keras.optimizers.schedules.InverseTimeDecay(0.01, decay_steps=1, decay_rate=1e-6)`,
# which is given to `SGD` as its learning rate. What does it do? And what does a
# strong decay do that starts above the limit?

# %%
print("after 500 steps:", 0.01 / (1 + 1e-6 * 500))
falling = 0.2 / (1 + 0.05 * np.arange(100))
minimum = least_squares(X, y)
for name, eta in (("decay from 0.2", falling), ("constant 0.14", 0.14)):
    path = descend(X, y, eta, 100)
    print(f"{name}: distance {np.linalg.norm(path[-1] - minimum):.1e}")

# %% tags=["remove-cell"]
components = lesson.components(X, y, descend(X, y, falling, 100))
distance = [
    np.linalg.norm(descend(X, y, eta, 100)[-1] - minimum)
    for eta in (falling, 0.14)
]
notebook.numbers(
    grows_until=np.argmax(np.abs(components[:, -1])),
    distance_falling=distance[0],
    distance_steady=distance[1],
)

# %% tags=["hide-input"]
notebook.figure(
    lambda: figures.schedule(X, y, falling, descend(X, y, falling, 100)),
    alt="Left: the learning rate starts above the limit and falls below it"
    " after a few steps. Right, on a logarithmic axis: the distance in the"
    " steepest direction first grows, then shrinks; in the flattest direction"
    " it falls ever more slowly; at a constant rate the distance in the"
    " steepest direction would grow without end.",
)

# %% [markdown]
# The weak decay does next to nothing. With the strong one the distance grows until
# step {number}`grows_until`; then the rate is below the limit, and the run is saved.
# But the ever smaller rate hardly moves the flat direction any more: at the end the
# distance is {number}`distance_falling:.3f`, with the constant rate
# {number}`distance_steady:.1e`. Decay is no substitute for a good rate. It is useful
# where the gradients are noisy, as in lesson 4: there smaller steps calm the noise.
#
# ## Summary
#
# - Each direction has a contraction factor $1 - \eta\lambda$. The steepest sets the
#   limit $2/\lambda_{\max}$, the flattest decides how long it takes.
# - The best rate is $2/(\lambda_{\min} + \lambda_{\max})$. In a stretched bowl it lies
#   close to the limit.
# - The more stretched the bowl, the more steps: about in proportion to the condition
#   number $\kappa$.
# - Standardise the features first. Momentum helps with what remains.
#
# ## Answers
#
# 1. The limit is $2/\lambda_{\max}$ = {number}`limit:.4f`, the best rate
#    $2/(\lambda_{\min} + \lambda_{\max})$ = {number}`best:.4f`.
# 2. $0.14$ is just below the best rate and arrives. $0.155$ is above the limit and
#    diverges.
# 3. {number}`ratio:.0f` times as many, {number}`steps_plain:,d` steps in place of
#    {number}`steps_standardised`: the spread enters the curvature squared.
#
# ## What to try next
#
# - Descend with $\eta = 2/\lambda_{\max}$ exactly. What does the distance in the
#   steep direction do?
# - Predict $\kappa$ for a second feature spread a hundred times as widely, then set
#   `STRETCH` in `course/lesson05.py` and run `python -m course.lesson05`.
# - Use the heavy ball's rate without its momentum. Which direction explodes?
# - Find the decay from $\eta_0 = 0.2$ with which the distance after 100 steps is
#   smallest. Is any better than a constant rate?
#
# ## Sources
#
# - L. Lessard, B. Recht, A. Packard, "Analysis and Design of Optimization
#   Algorithms via Integral Quadratic Constraints", *SIAM Journal on
#   Optimization* 26, 2016, doi:10.1137/15M1009597.
# - B. T. Polyak, "Some Methods of Speeding up the Convergence of Iteration
#   Methods", *USSR Computational Mathematics and Mathematical Physics* 4, 1964,
#   pages 1–17.
