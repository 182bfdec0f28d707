"""Train Keras models fast enough to follow the documents' protocols to the letter.

The documents train one sample at a time, for thousands of epochs, over many runs. A Python loop
around single steps would take days. Here a Keras model and its optimizer sit inside one compiled
program that runs every epoch up to the next evaluation; the program is built once and serves every
seed. This package is the one place with code for a particular Keras backend (TensorFlow); the rest
of the suite is `keras` and `keras.ops`.

    start        the weights that a run starts from
    trainer      one seed after another, for any model
    seeds        many seeds at once, for small dense networks
    derivatives  gradients and Hessians, to hold formulas against
    layers       what layers a model is made of
"""

from common.training.derivatives import gradients, hessian
from common.training.seeds import SeedsTrainer
from common.training.start import Scheme, fans, glorot, initial_weights, normal
from common.training.trainer import Dropout, History, Loss, Trainer, set_precision

__all__ = [
    "Dropout",
    "History",
    "Loss",
    "Scheme",
    "SeedsTrainer",
    "Trainer",
    "fans",
    "glorot",
    "gradients",
    "hessian",
    "initial_weights",
    "normal",
    "set_precision",
]
