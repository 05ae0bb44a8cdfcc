"""A sitting that counts the answers that lines hold at once, each of which is 512 KB of a picture of 256 pixels."""

import weakref

from videocolor.examine.sitting import Sitting


class WatchedSitting(Sitting):
    """Tells by `most_held` how many answers in float32 were alive at once."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.most_held = 0
        self._handed_out = []

    def answer(self, index):
        return self._watched(super().answer(index))

    def colors(self, views, side=None):
        # One by one: a part of a batch would keep the whole.
        return tuple(self._watched(ab.clone()) for ab in super().colors(views, side))

    def _watched(self, ab):
        self._handed_out = [*(held for held in self._handed_out if held() is not None), weakref.ref(ab)]
        self.most_held = max(self.most_held, len(self._handed_out))
        return ab
