import { serve } from "../background/background";
import { Work } from "./work";

serve(new Work());
