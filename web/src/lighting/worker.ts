import { serve } from "../background/background";
import { LightWork } from "./work";

serve(new LightWork());
